//! Labels (traefik-providers 2.1, 2.2).
