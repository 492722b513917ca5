/** What went wrong, and what to do. By kind: several codes of Wardkey may mean the same to a clinician. */
export const problems = {
  connection: ["No connection.", "Check the network and try again. Nothing was lost."],
  server: ["The server couldn’t do that.", "Try again in a moment."],
  wait: ["Too many attempts.", "Please wait a little and try again."],
  waitFor: (seconds: number): Problem => ["Too many attempts.", `Please wait ${seconds} seconds and try again.`],
  login: ["User ID or password isn’t right.", "Check both and try again."],
  password: ["That password isn’t right.", "Check the keyboard’s language and Caps Lock, and try again."],
  passwordFormat: ["This can’t be a password.", "Use 1 to 1,024 bytes without control characters."],
  locked: ["Your keys are locked.", "Enter your password to go on."],
  ended: ["You are not signed in any more.", "Sign in again."],
  exists: ["There is already an account with this user ID.", "Sign in instead."],
  returning: [
    "You had an account here before, with another password.",
    "Go back and choose “Forgotten password?”: a code by e-mail brings back what you could read.",
  ],
  noAccount: [
    "There is no way to recover this account.",
    "It doesn’t exist, or has no recovery address. Ask your administrator.",
  ],
  codeWrong: (left: number | undefined): Problem => [
    "That isn’t the code.",
    left === undefined
      ? "Check the newest e-mail."
      : left === 0
        ? "Ask for another code."
        : `You have ${left} ${left === 1 ? "try" : "tries"} left.`,
  ],
  codeOld: ["This code is too old or was used already.", "Ask for a new one."],
  codeLocked: ["Too many wrong codes.", "Ask for another code later."],
  again: ["Somebody else was faster.", "Try once more."],
  sentBefore: [
    "What you wrote first was sent; what you changed since was not.",
    "Look at it under “Sent”. Tell the receiver there what has changed, or withdraw it and send it anew.",
  ],
  deviceStorage: ["This browser keeps nothing.", "Stay online until everything is sent."],
  incomplete: ["This record is incomplete.", "Load it again. If that doesn’t help, ask the sender."],
  tooLarge: ["This is too large for this device.", "Try it on another workstation, or send less at once."],
  update: ["This was made by a newer version.", "Reload the page."],
  unsupported: [
    "This browser can’t encrypt.",
    "It is too old, or its settings forbid WebAssembly. Use a current browser.",
  ],
  random: ["This browser can’t encrypt safely.", "Restart it. Nothing was sent."],
  cancelled: ["Cancelled.", "Nothing was sent."],
  revoked: ["Access was withdrawn.", "The facility that sent it took your right to read away."],
  notRecipient: ["This record wasn’t shared with you.", "Ask the sending facility, or your own administrator."],
  forbidden: ["You may not do this.", "Ask an administrator of your facility."],
  unknownPerson: ["This person has no keys yet.", "They have to register first."],
  unknownRecord: ["This isn’t here.", "It may still be on its way, or it was removed."],
  unknownFacility: ["This facility isn’t here yet.", "It may still be registering."],
  security: [
    "This can’t be trusted now.",
    "Don’t act on it. Call the other side, and report the reference to your security officer.",
  ],
  facilityChanged: [
    "This isn’t the facility that your colleagues know.",
    "Nothing was encrypted or sent. See “Facilities”: call them and compare the safety number, and tell your security officer.",
  ],
  ownFacility: [
    "The server doesn’t name your own facility’s keys.",
    "Nothing was encrypted or sent. Report the reference to your security officer.",
  ],
  addressBook: [
    "Your facility’s address book can’t be trusted now.",
    "The server gives an older one, or one that your colleagues didn’t write. Nothing is sent. Report the reference to your security officer.",
  ],
  waiting: [
    "You don’t have your facility’s keys yet.",
    "An administrator of your facility gives you access, under “Staff”.",
  ],
  unreadable: [
    "This was decrypted, but isn’t a transfer record.",
    "Nothing of it is shown. Report the reference to the help desk.",
  ],
  invalid: ["Something here isn’t as the server expects it.", "Check what you entered."],
  file: ["The file can’t be read any more.", "Choose it again."],
  unexpected: ["Something in this page failed.", "Reload it. If it happens again, report the reference."],
} satisfies Record<string, Problem | ((value: never) => Problem)>;

export type Problem = [what: string, todo: string];

export type Problems = {
  readonly [Kind in keyof typeof problems]: (typeof problems)[Kind] extends (...given: infer Given) => unknown
    ? (...given: Given) => Problem
    : Problem;
};
