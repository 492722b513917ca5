// Before anything else in the page: what a quiet page doesn't do.
globalThis.problems = [];
addEventListener("securitypolicyviolation", (event) => {
  globalThis.problems.push(`policy: ${event.effectiveDirective} ${event.blockedURI}`);
});
addEventListener("error", (event) => globalThis.problems.push(`uncaught: ${event.error?.stack ?? event.message}`));
addEventListener("unhandledrejection", (event) => {
  globalThis.problems.push(`unhandled: ${event.reason?.stack ?? event.reason}`);
});
