"""What each command does, from its arguments to the files it writes."""
