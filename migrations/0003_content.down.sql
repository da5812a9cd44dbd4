-- Undoes 0003_content.

DROP TABLE video_playback;
DROP TABLE purchases;
DROP TABLE content_access;
DROP TABLE workshops;
DROP TABLE content;
