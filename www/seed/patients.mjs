// Invented patients: the same ones each time. Nobody of these exists.
import { pdf } from "./pdf.mjs";

const GIVEN = {
  f: "Anna Lena Sophie Elisabeth Ruth Verena Claudia Monique Francesca Giulia Marie Ursula Silvia Denise Amira Katarina".split(
    " ",
  ),
  m: "Peter Hans Marco Luca Daniel Urs Beat Pierre Antonio Stefan Milan Rolf Bruno Yves Karim Andreas".split(" "),
};
const FAMILY =
  "Müller Meier Schmid Keller Weber Huber Schneider Fischer Brunner Baumann Rossi Bernasconi Favre Rochat Perret Moser Zimmermann Gerber Graf Roth Suter Frei Egger Kovačić Yılmaz Dubois Hofer Stadelmann Imhof Aebischer".split(
    " ",
  );

/** What brings somebody from an emergency ward into rehabilitation. */
const CASES = [
  {
    diagnosis: "Ischaemic stroke of the left middle cerebral artery, thrombolysis on admission",
    needs: ["stroke unit follow-up", "speech therapy", "physiotherapy"],
    urgency: "today",
    notes: "Right-sided weakness 3/5, mild aphasia. Swallowing test passed. Apixaban from day 4.",
  },
  {
    diagnosis: "Fracture of the femoral neck, total hip replacement",
    needs: ["full weight bearing", "physiotherapy", "walking aid"],
    urgency: "days",
    notes: "Wound dry. Haemoglobin 98 g/l. Lives alone on the second floor without a lift.",
  },
  {
    diagnosis: "Polytrauma after a bicycle accident: pelvic ring fracture, rib fractures 4 to 7",
    needs: ["partial weight bearing 15 kg", "pain management", "wheelchair"],
    urgency: "days",
    notes: "Epidural catheter removed yesterday. Respiratory physiotherapy twice a day.",
  },
  {
    diagnosis: "Myocardial infarction (STEMI), stent of the right coronary artery",
    needs: ["cardiac rehabilitation", "telemetry"],
    urgency: "today",
    notes: "LVEF 45 %. Dual antiplatelet therapy for twelve months. No arrhythmia for 48 hours.",
  },
  {
    diagnosis: "Exacerbated COPD, GOLD 3, non-invasive ventilation ended",
    needs: ["oxygen 2 l/min", "pulmonary rehabilitation"],
    urgency: "immediate",
    notes: "Saturation 91 % at rest. Prednisone until Friday. Former smoker, 40 pack years.",
  },
  {
    diagnosis: "Guillain-Barré syndrome, immunoglobulins completed",
    needs: ["neurological rehabilitation", "monitoring of vital capacity"],
    urgency: "immediate",
    notes: "Vital capacity 2.1 l, stable. Needs help with transfers. Neuropathic pain under gabapentin.",
  },
  {
    diagnosis: "Vertebral compression fracture L2, osteoporosis",
    needs: ["corset", "physiotherapy", "dietary advice"],
    urgency: "days",
    notes: "Kyphoplasty without complication. Vitamin D 28 nmol/l, substitution begun.",
  },
  {
    diagnosis: "Traumatic brain injury, small subdural haematoma without surgery",
    needs: ["neuropsychology", "fall prevention", "single room"],
    urgency: "today",
    notes: "GCS 15 since Monday. CT without change after 72 hours. Disoriented at night.",
  },
  {
    diagnosis: "Below-knee amputation right after critical limb ischaemia",
    needs: ["prosthesis fitting", "wound care", "diabetes counselling"],
    urgency: "days",
    notes: "Stump oedema receding. HbA1c 8.1 %. Highly motivated.",
  },
  {
    diagnosis: "Community-acquired pneumonia with sepsis, critical illness weakness",
    needs: ["isolation ended", "mobilisation", "swallowing training"],
    urgency: "today",
    notes: "Eleven days of intensive care. Antibiotics end on Sunday. Walks 20 m with support.",
  },
];

const ANSWERS = {
  accepted: [
    "We have a bed from tomorrow, 10 a.m. Please send the medication plan along.",
    "Accepted. Our nurse will call the ward this afternoon.",
    "Welcome here on Thursday. Transport is organised by you?",
  ],
  declined: ["No bed with telemetry before next week, I'm sorry.", "We can't offer isolation at the moment."],
  withdrawn: ["Goes home with outpatient therapy after all."],
  asked: ["Is the patient weight bearing on stairs?", "Who is the contact in the family?", "Any allergies?"],
  told: ["Yes, with one rail.", "The daughter, she visits daily.", "None known."],
};

/** mulberry32: small, and the same on every machine. Not for anything secret. */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pick = (random, list) => list[Math.floor(random() * list.length)];

/** What became of it; most of the newest wait for an answer. */
function fate(random, place) {
  const chance = random();
  if (place < 25) return chance < 0.2 ? "accepted" : "sent";
  if (chance < 0.55) return "accepted";
  if (chance < 0.65) return "declined";
  return chance < 0.68 ? "withdrawn" : "sent";
}

/**
 * So many transfers, the oldest first. `file` is a letter for every twelfth.
 * @param {number} count
 * @param {number} now in milliseconds since 1970
 */
export function transfers(count, now) {
  const random = numbers(8);
  return Array.from({ length: count }, (_, n) => {
    const place = count - 1 - n;
    const sex = random() < 0.5 ? "f" : "m";
    const name = `${pick(random, GIVEN[sex])} ${pick(random, FAMILY)}`;
    const day = (max) => String(1 + Math.floor(random() * max)).padStart(2, "0");
    const born = `${1930 + Math.floor(random() * 60)}-${day(12)}-${day(28)}`;
    const digits = (length) => Array.from({ length }, () => Math.floor(random() * 10)).join("");
    const insuranceId = `756.${digits(4)}.${digits(4)}.${digits(2)}`;
    const found = pick(random, CASES);
    const ageMs = (place * 2.5 + random() * 2) * 3_600_000 + 20 * 60_000;
    const state = fate(random, place);
    const messages = [];
    if (random() < 0.2) {
      const topic = Math.floor(random() * ANSWERS.asked.length);
      messages.push({ by: "to", kind: "message", text: ANSWERS.asked[topic] });
      messages.push({ by: "from", kind: "message", text: ANSWERS.told[topic] });
    }
    if (state !== "sent") {
      messages.push({ by: state === "withdrawn" ? "from" : "to", kind: state, text: pick(random, ANSWERS[state]) });
    }
    const patient = { name, born, sex, insuranceId };
    const { diagnosis, urgency, needs, notes } = found;
    return {
      at: Math.floor((now - ageMs) / 1000),
      author: Math.floor(random() * 4),
      answerer: Math.floor(random() * 4),
      record: { patient, diagnosis, urgency, needs, notes },
      messages,
      file: place % 12 === 3 ? letter(patient, found) : undefined,
    };
  });
}

function letter({ name, born, insuranceId }, { diagnosis, needs, notes }) {
  const lines = [
    "City General, emergency ward",
    "",
    `Patient: ${name.replace(/[^\x20-\xff]/g, "?")}, born ${born}, insurance ${insuranceId}`,
    "",
    "Diagnosis",
    ...wrapped(diagnosis),
    "",
    "Course",
    ...wrapped(notes),
    "",
    "Needs",
    ...needs.map((need) => `- ${need}`),
    "",
    "This letter is part of a demonstration. The patient is invented.",
  ];
  return { name: "discharge-letter.pdf", type: "application/pdf", data: pdf("Discharge letter", lines) };
}

const wrapped = (text) => text.match(/.{1,85}(?=\s|$)/g).map((line) => line.trim());
