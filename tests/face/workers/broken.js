// A worker that doesn't start.
throw new Error("broken");
