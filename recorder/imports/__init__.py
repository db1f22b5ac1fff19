"""Takes in what other files hold: exported build records, and what older tools wrote."""
