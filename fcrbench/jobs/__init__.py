"""What a command does, from its arguments to the files it leaves."""
