"""Results files of one campaign put together into one."""
