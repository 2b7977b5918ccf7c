//! What needs an engine of its own. By name these come first, and so run beside those that share an engine.

// The engine restarts.
mod restart;
// Services, tasks, nodes.
mod swarm;
// An engine of one's own.
mod world;
