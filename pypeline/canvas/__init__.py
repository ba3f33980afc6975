"""The drawing surface (Qt). Draws what it is given; knows no runner and no palette."""
