"""What the steps of a plan do: the executor runs them on threads, `steps` does each in one transaction."""
