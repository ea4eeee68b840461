"""One encoder class, four rows of configuration, interchangeable back ends."""
