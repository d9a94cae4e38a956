"""What the user wrote -> checked words with weights, and its wordings for each side of the prop."""
