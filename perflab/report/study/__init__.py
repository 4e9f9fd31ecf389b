"""Given results and the code in a run, gives each operation's ladder with its derivation."""
