"""The operating guide of one service in one environment, with its real names. Pure but for reading its style sheet."""
