X = "classes-recipe"
