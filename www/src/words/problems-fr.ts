import type { Problems } from "./problems-en";

export const problems: Problems = {
  connection: ["Pas de connexion.", "Vérifiez le réseau et réessayez. Rien n’est perdu."],
  server: ["Le serveur n’a pas pu le faire.", "Réessayez dans un instant."],
  wait: ["Trop de tentatives.", "Patientez un peu et réessayez."],
  waitFor: (seconds) => ["Trop de tentatives.", `Patientez ${seconds} secondes et réessayez.`],
  login: ["Identifiant ou mot de passe incorrect.", "Vérifiez les deux et réessayez."],
  password: ["Ce mot de passe n’est pas correct.", "Vérifiez la langue du clavier et la touche Majuscules."],
  passwordFormat: [
    "Ceci ne peut pas être un mot de passe.",
    "Utilisez de 1 à 1024 octets sans caractères de contrôle.",
  ],
  locked: ["Vos clés sont verrouillées.", "Saisissez votre mot de passe pour continuer."],
  ended: ["Vous n’êtes plus connecté.", "Connectez-vous à nouveau."],
  exists: ["Il existe déjà un compte avec cet identifiant.", "Connectez-vous plutôt."],
  returning: [
    "Vous aviez déjà un compte ici, avec un autre mot de passe.",
    "Revenez en arrière et choisissez « Mot de passe oublié ? » : un code par e-mail rend ce que vous pouviez lire.",
  ],
  noAccount: [
    "Ce compte ne peut pas être récupéré.",
    "Il n’existe pas, ou n’a pas d’adresse de récupération. Demandez à votre administrateur.",
  ],
  codeWrong: (left) => [
    "Ce n’est pas le bon code.",
    left === undefined
      ? "Regardez l’e-mail le plus récent."
      : left === 0
        ? "Demandez un autre code."
        : `Il vous reste ${left} ${left === 1 ? "essai" : "essais"}.`,
  ],
  codeOld: ["Ce code est trop ancien ou a déjà servi.", "Demandez-en un nouveau."],
  codeLocked: ["Trop de codes erronés.", "Demandez un autre code plus tard."],
  again: ["Quelqu’un a été plus rapide.", "Essayez encore une fois."],
  sentBefore: [
    "Ce que vous avez écrit d’abord a été envoyé ; ce que vous avez changé depuis ne l’a pas été.",
    "Regardez sous « Envoyés ». Écrivez-y au destinataire ce qui a changé, ou retirez l’envoi et envoyez-le à nouveau.",
  ],
  deviceStorage: ["Ce navigateur ne garde rien.", "Restez en ligne jusqu’à ce que tout soit envoyé."],
  incomplete: ["Ce dossier est incomplet.", "Rechargez-le. Si cela n’aide pas, demandez à l’expéditeur."],
  tooLarge: ["C’est trop grand pour cet appareil.", "Essayez sur un autre poste, ou envoyez moins à la fois."],
  update: ["Ceci vient d’une version plus récente.", "Rechargez la page."],
  unsupported: [
    "Ce navigateur ne peut pas chiffrer.",
    "Il est trop ancien, ou ses réglages interdisent WebAssembly. Utilisez un navigateur actuel.",
  ],
  random: ["Ce navigateur ne peut pas chiffrer sûrement.", "Redémarrez-le. Rien n’a été envoyé."],
  cancelled: ["Annulé.", "Rien n’a été envoyé."],
  revoked: ["L’accès a été retiré.", "L’établissement expéditeur vous a retiré le droit de le lire."],
  notRecipient: [
    "Ce dossier ne vous a pas été partagé.",
    "Demandez à l’établissement expéditeur, ou à votre administrateur.",
  ],
  forbidden: ["Vous n’avez pas le droit de faire cela.", "Demandez à un administrateur de votre établissement."],
  unknownPerson: ["Cette personne n’a pas encore de clés.", "Elle doit d’abord s’inscrire."],
  unknownRecord: ["Ce n’est pas ici.", "C’est peut-être encore en route, ou cela a été retiré."],
  unknownFacility: ["Cet établissement n’est pas encore ici.", "Il est peut-être en train de s’inscrire."],
  security: [
    "On ne peut pas s’y fier maintenant.",
    "N’agissez pas sur cette base. Appelez l’autre partie, et signalez la référence à votre responsable de la sécurité.",
  ],
  facilityChanged: [
    "Ce n’est pas l’établissement que vos collègues connaissent.",
    "Rien n’a été chiffré ni envoyé. Voyez « Établissements » : appelez et comparez le numéro de sécurité, et informez votre responsable de la sécurité.",
  ],
  ownFacility: [
    "Le serveur ne nomme pas les clés de votre propre établissement.",
    "Rien n’a été chiffré ni envoyé. Signalez la référence à votre responsable de la sécurité.",
  ],
  addressBook: [
    "On ne peut pas se fier maintenant au carnet d’adresses de votre établissement.",
    "Le serveur en donne un plus ancien, ou un que vos collègues n’ont pas écrit. Rien n’est envoyé. Signalez la référence à votre responsable de la sécurité.",
  ],
  waiting: [
    "Vous n’avez pas encore les clés de votre établissement.",
    "Un administrateur de votre établissement donne l’accès, sous « Personnel ».",
  ],
  unreadable: [
    "Ceci a été déchiffré, mais n’est pas un dossier de transfert.",
    "Rien n’en est montré. Signalez la référence à l’assistance.",
  ],
  invalid: ["Quelque chose n’est pas comme le serveur l’attend.", "Vérifiez ce que vous avez saisi."],
  file: ["Le fichier ne peut plus être lu.", "Choisissez-le à nouveau."],
  unexpected: ["Quelque chose a échoué dans cette page.", "Rechargez-la. Si cela se répète, signalez la référence."],
};
