import { useState } from "preact/hooks";
import { say } from "../language";
import { Icon } from "../ui/icon";

/** Files by a button or by dropping them. */
export function FilePicker({ onFiles }: { onFiles: (files: File[]) => void }) {
  const [over, setOver] = useState(false);
  const t = say().compose;
  return (
    // The keyboard has the button.
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is for the mouse alone
    <div
      class="drop"
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onFiles([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <input
        class="file-input"
        id="files"
        type="file"
        multiple
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])]);
          currentTarget.value = "";
        }}
      />
      <label for="files" class="button">
        <Icon name="clip" /> {t.add}
      </label>
      <span class="quiet">{t.drop}</span>
    </div>
  );
}
