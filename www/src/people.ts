/** The cast: two clinicians of two facilities. User ids are names that the server sees. */
export interface Person {
  readonly userId: string;
  readonly name: string;
  readonly facility: string;
  readonly place: string;
}

export const WARD: Person = {
  userId: "ada.lindqvist@ward.example",
  name: "Dr. Ada Lindqvist",
  facility: "Emergency ward",
  place: "St. Brigid’s Hospital",
};

export const CLINIC: Person = {
  userId: "tomas.okafor@rehab.example",
  name: "Dr. Tomás Okafor",
  facility: "Rehabilitation clinic",
  place: "Lakeside",
};

export const PEOPLE: readonly Person[] = [WARD, CLINIC];

export function personOf(userId: string): Person | undefined {
  return PEOPLE.find((person) => person.userId === userId);
}
