/**
 * Whose keys are whose can't be trusted, and nothing is sent. `facility`: the server names another group, or another name, than the address book. `own`: it names a group as the own
 * facility's that isn't. `book`: it gives an address book that isn't the staff's, or not whole. `waiting`: nobody has let this person into the facility's group yet.
 */
export type AddressProblemCode = "facility" | "own" | "book" | "waiting";

export class AddressProblem extends Error {
  override readonly name = "AddressProblem";
  constructor(readonly code: AddressProblemCode) {
    super(code);
  }
}
