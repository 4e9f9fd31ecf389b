"""Given results and the code that a run kept, gives each operation's ladder with its derivation."""
