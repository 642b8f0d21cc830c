"""`reel.html`: a reel to look at and listen to, in one file that needs no network."""
