"""What stands on the canvas: one self-painting item for a module, a link, a control link, a frame."""
