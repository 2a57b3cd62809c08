"""One module per target: ``one_input(data)`` raises if what must hold for any bytes does not hold for these."""
