"""Compression programs as files."""
