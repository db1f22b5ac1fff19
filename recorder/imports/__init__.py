"""Takes in what other files hold: the JSON and the databases of older tools."""
