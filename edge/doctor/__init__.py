"""``gatehouse doctor``: looks at everything the device needs, and names a remedy for each fault."""
