"""Results on their way to where readers look: by C-STORE or by STOW-RS; sent is what was taken."""
