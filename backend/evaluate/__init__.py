"""How good is it: pictures to look at, curves, and the judges that read them."""
