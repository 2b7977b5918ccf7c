//! Lines byte for byte.
