/** A button that opens files, and a page onto which they can be dropped instead. */
import { useEffect, useRef, useState } from 'react';

interface Props {
  words: string;
  open: (files: File[]) => void;
  many?: boolean;
}

export function DropFile({ words, open, many }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  useEffect(() => {
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const enter = (event: DragEvent) => {
      if (!carries(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      setOver(false);
      if (!carries(event)) return;
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) open(files);
    };
    addEventListener('dragenter', enter);
    addEventListener('dragover', enter);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragenter', enter);
      removeEventListener('dragover', enter);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, [open]);
  return (
    <>
      <button type="button" className="copy" onClick={() => input.current?.click()}>
        {words}
      </button>
      <input
        ref={input}
        type="file"
        className="hidden"
        tabIndex={-1}
        aria-label={words}
        multiple={many ?? false}
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          // The same file can be opened again after it changed.
          event.target.value = '';
          if (files.length > 0) open(files);
        }}
      />
      {over && (
        <div className="drop-veil" aria-hidden="true">
          <p>Drop it here</p>
        </div>
      )}
    </>
  );
}
