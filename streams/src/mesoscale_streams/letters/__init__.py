"""Dead letters as a person has to do with them: told, shown, and sent back to where they were refused."""
