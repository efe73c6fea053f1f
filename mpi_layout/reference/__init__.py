"""Parts of the documentation that the program itself knows best: its commands, the keys of a campaign."""
