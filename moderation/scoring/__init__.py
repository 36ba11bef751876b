"""Online: the arithmetic of a verdict and its reasons, with numpy alone."""
