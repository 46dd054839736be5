/** Modal dialogs. */
import { type ReactNode, useLayoutEffect, useRef } from "react";
import { Button } from "./Button";

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
  /** Only its own buttons close it, because closing would lose something. */
  sticky?: boolean;
}

/**
 * A modal dialog of the browser, so focus stays in it and Esc closes it. The first field gets the focus, or the element
 * with `data-first`. Without a footer it has a close button, because phones have no Esc.
 */
export function Dialog({ title, onClose, children, footer, wide = false, sticky = false }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    shown?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => shown?.close(); // restores the focus
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard's way out is Esc, which the browser brings as `cancel`
    <dialog
      ref={dialog}
      className={`dialog${wide ? " dialog-wide" : ""}`}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        if (!sticky) onClose();
      }}
      onClose={() => {
        if (dialog.current?.open !== false) return;
        if (sticky)
          dialog.current.showModal(); // browsers close it at a second Esc anyway
        else onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current && !sticky) onClose();
      }}
    >
      <div className="dialog-body">
        <h2>{title}</h2>
        {children}
        {footer ? <div className="dialog-footer">{footer}</div> : null}
        {footer || sticky ? null : ( // last, because the first element gets the focus
          <Button kind="quiet" className="dialog-close" aria-label="Close" title="Close (Esc)" onClick={onClose}>
            ✕
          </Button>
        )}
      </div>
    </dialog>
  );
}

interface ConfirmDialogProps {
  title: string;
  /** The label of the confirming button. */
  yes: string;
  onYes: () => void;
  onClose: () => void;
  /** The consequences. */
  children: ReactNode;
}

/** A dialog that confirms an action that cannot be undone. */
export function ConfirmDialog({ title, yes, onYes, onClose, children }: ConfirmDialogProps) {
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Back</Button>
          <Button
            kind="danger"
            autoFocus
            onClick={() => {
              onClose();
              onYes();
            }}
          >
            {yes}
          </Button>
        </>
      }
    >
      <p className="soft">{children}</p>
    </Dialog>
  );
}
