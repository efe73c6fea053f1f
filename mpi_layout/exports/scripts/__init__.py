"""Python scripts that run in other wake programs: layouts with all that their AEP depends on."""
