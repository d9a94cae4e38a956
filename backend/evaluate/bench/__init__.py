"""How fast is it here: `propsmith bench`, and the peers it is compared with in the same run."""
