"""What connects the `bb` package to the engine; metadata never imports it."""
