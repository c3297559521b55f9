/** Asks before what cannot be undone. Escape and the first button leave everything as it is; the focus goes back to where it was. */
import { useEffect, useRef, type ReactNode } from 'react';

interface ConfirmProps {
  title: string;
  children: ReactNode;
  /** What the second button does. */
  does: string;
  answer: (yes: boolean) => void;
}

export function Confirm({ title, children, does, answer }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className="confirm"
      aria-labelledby="confirm-title"
      onClose={(event) => answer(event.currentTarget.returnValue === 'yes')}
    >
      <h2 id="confirm-title">{title}</h2>
      {children}
      <form method="dialog">
        <button type="submit" value="no">
          Leave it
        </button>
        <button type="submit" value="yes" className="broken">
          {does}
        </button>
      </form>
    </dialog>
  );
}
