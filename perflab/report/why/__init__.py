"""Given results and the evidence on them, gives sentences on why a rung is fast and where its time goes."""
