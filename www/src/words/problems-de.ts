import type { Problems } from "./problems-en";

export const problems: Problems = {
  connection: ["Keine Verbindung.", "Prüfen Sie das Netzwerk und versuchen Sie es noch einmal. Nichts ist verloren."],
  server: ["Der Server konnte das nicht tun.", "Versuchen Sie es gleich noch einmal."],
  wait: ["Zu viele Versuche.", "Warten Sie ein wenig und versuchen Sie es noch einmal."],
  waitFor: (seconds) => ["Zu viele Versuche.", `Warten Sie ${seconds} Sekunden und versuchen Sie es noch einmal.`],
  login: ["Benutzerkennung oder Passwort stimmt nicht.", "Prüfen Sie beides und versuchen Sie es noch einmal."],
  password: ["Dieses Passwort stimmt nicht.", "Prüfen Sie die Tastatursprache und die Feststelltaste."],
  passwordFormat: ["Das kann kein Passwort sein.", "Verwenden Sie 1 bis 1024 Bytes ohne Steuerzeichen."],
  locked: ["Ihre Schlüssel sind gesperrt.", "Geben Sie Ihr Passwort ein, um weiterzuarbeiten."],
  ended: ["Sie sind nicht mehr angemeldet.", "Melden Sie sich wieder an."],
  exists: ["Es gibt schon ein Konto mit dieser Benutzerkennung.", "Melden Sie sich stattdessen an."],
  returning: [
    "Sie hatten hier schon ein Konto, mit einem anderen Passwort.",
    "Gehen Sie zurück und wählen Sie „Passwort vergessen?“: Ein Code per E-Mail bringt zurück, was Sie lesen konnten.",
  ],
  noAccount: [
    "Dieses Konto lässt sich nicht wiederherstellen.",
    "Es gibt es nicht, oder es hat keine Adresse dafür. Fragen Sie Ihre Administratorin oder Ihren Administrator.",
  ],
  codeWrong: (left) => [
    "Das ist nicht der Code.",
    left === undefined
      ? "Sehen Sie in die neueste E-Mail."
      : left === 0
        ? "Fordern Sie einen anderen Code an."
        : `Sie haben noch ${left} ${left === 1 ? "Versuch" : "Versuche"}.`,
  ],
  codeOld: ["Dieser Code ist zu alt oder wurde schon benutzt.", "Fordern Sie einen neuen an."],
  codeLocked: ["Zu viele falsche Codes.", "Fordern Sie später einen anderen Code an."],
  again: ["Jemand anderes war schneller.", "Versuchen Sie es noch einmal."],
  sentBefore: [
    "Was Sie zuerst geschrieben haben, ist gesendet; was Sie seither geändert haben, nicht.",
    "Sehen Sie unter «Gesendet» nach. Schreiben Sie dem Empfänger dort, was sich geändert hat, oder ziehen Sie es zurück und senden Sie es neu.",
  ],
  deviceStorage: ["Dieser Browser behält nichts.", "Bleiben Sie online, bis alles gesendet ist."],
  incomplete: ["Diese Akte ist unvollständig.", "Laden Sie sie noch einmal. Hilft das nicht, fragen Sie den Absender."],
  tooLarge: [
    "Das ist zu groß für dieses Gerät.",
    "Versuchen Sie es an einem anderen Arbeitsplatz, oder senden Sie weniger auf einmal.",
  ],
  update: ["Das stammt von einer neueren Version.", "Laden Sie die Seite neu."],
  unsupported: [
    "Dieser Browser kann nicht verschlüsseln.",
    "Er ist zu alt, oder seine Einstellungen verbieten WebAssembly. Verwenden Sie einen aktuellen Browser.",
  ],
  random: ["Dieser Browser kann nicht sicher verschlüsseln.", "Starten Sie ihn neu. Es wurde nichts gesendet."],
  cancelled: ["Abgebrochen.", "Es wurde nichts gesendet."],
  revoked: ["Der Zugriff wurde entzogen.", "Die sendende Einrichtung hat Ihnen das Leserecht genommen."],
  notRecipient: [
    "Diese Akte wurde nicht mit Ihnen geteilt.",
    "Fragen Sie die sendende Einrichtung oder Ihre Administration.",
  ],
  forbidden: ["Das dürfen Sie nicht.", "Fragen Sie die Administration Ihrer Einrichtung."],
  unknownPerson: ["Diese Person hat noch keine Schlüssel.", "Sie muss sich zuerst registrieren."],
  unknownRecord: ["Das ist nicht hier.", "Es ist vielleicht noch unterwegs, oder es wurde entfernt."],
  unknownFacility: ["Diese Einrichtung ist noch nicht hier.", "Vielleicht registriert sie sich gerade."],
  security: [
    "Dem kann jetzt nicht vertraut werden.",
    "Handeln Sie nicht danach. Rufen Sie die andere Seite an, und melden Sie die Referenz Ihrer Sicherheitsstelle.",
  ],
  facilityChanged: [
    "Das ist nicht die Einrichtung, die man bei Ihnen kennt.",
    "Nichts wurde verschlüsselt oder gesendet. Siehe „Einrichtungen“: Rufen Sie dort an, vergleichen Sie die Sicherheitsnummer, und informieren Sie Ihre Sicherheitsstelle.",
  ],
  ownFacility: [
    "Der Server nennt nicht die Schlüssel Ihrer eigenen Einrichtung.",
    "Nichts wurde verschlüsselt oder gesendet. Melden Sie die Referenz Ihrer Sicherheitsstelle.",
  ],
  addressBook: [
    "Dem Adressbuch Ihrer Einrichtung kann jetzt nicht vertraut werden.",
    "Der Server gibt ein älteres, oder eines, das bei Ihnen niemand geschrieben hat. Nichts wird gesendet. Melden Sie die Referenz Ihrer Sicherheitsstelle.",
  ],
  waiting: [
    "Sie haben die Schlüssel Ihrer Einrichtung noch nicht.",
    "Die Administration Ihrer Einrichtung gibt Ihnen Zugang, unter „Personal“.",
  ],
  unreadable: [
    "Das wurde entschlüsselt, ist aber keine Verlegungsakte.",
    "Nichts davon wird gezeigt. Melden Sie die Referenz dem Support.",
  ],
  invalid: ["Etwas ist nicht so, wie der Server es erwartet.", "Prüfen Sie, was Sie eingegeben haben."],
  file: ["Die Datei lässt sich nicht mehr lesen.", "Wählen Sie sie noch einmal aus."],
  unexpected: [
    "In dieser Seite ist etwas fehlgeschlagen.",
    "Laden Sie sie neu. Geschieht es wieder, melden Sie die Referenz.",
  ],
};
