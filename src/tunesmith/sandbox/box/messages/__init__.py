"""What crosses between the judge and a program: frames, values, calls on objects."""
