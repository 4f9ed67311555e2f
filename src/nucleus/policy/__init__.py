"""Policy: what files say, turned into ints and scopes that the kernel can judge."""
