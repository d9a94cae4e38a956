"""From a mesh that is there already, and a prompt, to the same object with a new look and shape."""
