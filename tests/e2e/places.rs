//! Servers with a limit (`maxInFlight`, `maxWait`), and servers that start slowly (`slowStart`).
