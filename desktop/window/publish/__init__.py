"""The third step, and the page of all three: a release is published, and devices are told of it and watched."""
