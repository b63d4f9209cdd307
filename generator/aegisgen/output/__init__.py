"""What leaves the program: text made safe, the standard streams, progress."""
