"""What the server was told: flags over the TOML file over the defaults, as one frozen value that is within its bounds."""
