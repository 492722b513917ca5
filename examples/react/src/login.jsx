import { useState } from "react";
import { isWardkeyError } from "wardkey";
import { useWardkey } from "./wardkey.jsx";

const SENTENCES = {
  "wrong-password": "That password is not right.",
  network: "No connection. Try again.",
};

export function Login({ userId }) {
  const wardkey = useWardkey();
  const [state, setState] = useState({ isBusy: false, problem: "" });

  async function logIn(form) {
    setState({ isBusy: true, problem: "" });
    try {
      // Before this: wardkey.loginSecret(), and your server's login with it.
      await wardkey.unlock({ userId, password: form.get("password") });
    } catch (error) {
      if (!isWardkeyError(error)) throw error;
      setState({ isBusy: false, problem: SENTENCES[error.code] ?? `That didn't work (${error.code}).` });
    }
  }

  return (
    <form action={logIn}>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button type="submit" disabled={state.isBusy}>
        Log in
      </button>
      <p role="alert">{state.problem}</p>
    </form>
  );
}
