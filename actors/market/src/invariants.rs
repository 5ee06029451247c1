//! What must hold of the state, and across actors.
