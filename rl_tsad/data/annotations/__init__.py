"""How are labels of stretches and points written in files, ours and other tools'? Pure readers and writers."""
