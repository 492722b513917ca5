// A worker that never says anything.
